"""Generation: from a photo and noise to a reconstruction and a latent distribution, measured by PSNR and ELBO."""
