"""Run a .tflite in MediaPipe Tasks, which read its metadata, and print the results as JSON in the last line.

    python run_mediapipe.py classify|crop FILE.tflite PHOTO...
    python run_mediapipe.py segment FILE.tflite PHOTO...
    python run_mediapipe.py embed FILE.tflite TEXT...

`classify` gives MediaPipe whole photos, which it stretches to the input; `crop` gives it the square in the middle that
ImageNet networks are usually tested on, whose side is 87.5 % of the short side of the photo.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import mediapipe
from mediapipe.tasks.python import BaseOptions, text, vision
from mediapipe.tasks.python.components.containers.rect import RectF
from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions

CROP = 0.875


def middle(image: mediapipe.Image) -> ImageProcessingOptions:
    side = CROP * min(image.width, image.height)
    x, y = side / image.width / 2, side / image.height / 2
    return ImageProcessingOptions(region_of_interest=RectF(left=0.5 - x, right=0.5 + x, top=0.5 - y, bottom=0.5 + y))


def classify(path: str, photos: list[str], *, crops: bool) -> list[dict[str, Any]]:
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=path), max_results=1)
    found = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for photo in photos:
            image = mediapipe.Image.create_from_file(photo)
            (head,) = classifier.classify(image, middle(image) if crops else None).classifications
            best = head.categories[0]
            found.append({"index": best.index, "name": best.category_name, "score": best.score})
    return found


def segment(path: str, photos: list[str]) -> dict[str, Any]:
    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=path), output_category_mask=True, output_confidence_masks=True
    )
    with vision.ImageSegmenter.create_from_options(options) as segmenter:
        results = [segmenter.segment(mediapipe.Image.create_from_file(photo)) for photo in photos]
        return {
            "labels": list(segmenter.labels),
            "masks": [one.category_mask.numpy_view().squeeze().tolist() for one in results],
            "confidences": [[mask.numpy_view().squeeze().tolist() for mask in one.confidence_masks] for one in results],
        }


def embed(path: str, texts: list[str]) -> list[list[float]]:
    options = text.TextEmbedderOptions(base_options=BaseOptions(model_asset_path=path))
    with text.TextEmbedder.create_from_options(options) as embedder:
        return [embedder.embed(one).embeddings[0].embedding.tolist() for one in texts]


def main(task: str, path: str, *given: str) -> None:
    if task == "segment":
        found: Any = segment(path, list(given))
    elif task == "embed":
        found = embed(path, list(given))
    else:
        found = classify(path, list(given), crops=task == "crop")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
