"""Generation: a photo and noise in, its picture and the latent point's distribution out, judged by PSNR and ELBO."""
