"""What to install and to type for the app."""

from __future__ import annotations

from export.bundle.read import DeliveredFile

SOURCES = """\
The signatures that it was compiled against are those that Google publishes:
[CompiledModel and TensorBuffer](https://github.com/google-ai-edge/LiteRT/tree/main/litert/kotlin/src/main/kotlin),
[Interpreter](https://ai.google.dev/edge/api/tflite/java/org/tensorflow/lite/Interpreter),
[CameraX](https://developer.android.com/reference/androidx/camera/core/package-summary),
[activity results](https://developer.android.com/training/data-storage/shared/photopicker) and
[ImageDecoder](https://developer.android.com/reference/android/graphics/ImageDecoder)."""


def readme(title: str, folder_name: str, file: DeliveredFile, licence: str) -> str:
    """Return the instructions, in Markdown."""
    exact = "bit for bit" if file.scheme.needs_calibration else "within the tolerance of ModelFile.kt"
    return f"""\
# {title} on Android

An app in Kotlin: it chooses a photo or opens the camera, and shows the likeliest classes. {file.path.name} runs in
LiteRT, on the CPU. Android 9 or later.

**This app was never built with an Android SDK, nor run on a phone.** Its sources were compiled by Kotlin's compiler
against stubs of Android's classes, and PhotoInput.kt was run on a JVM: it makes the bytes that Python makes.
{SOURCES}

Open the folder {folder_name} in Android Studio, which downloads Gradle and the libraries, and press Run. Or, with an
Android SDK, Java 17 and Gradle 8.13 or later, and a phone with USB debugging:

    cd {folder_name}
    gradle installDebug
    gradle connectedDebugAndroidTest     # the self-check

The self-check runs the golden inputs of the export on the phone, with both of LiteRT's engines, and expects the outputs
of the export {exact}; and it expects that the golden photo becomes the input of the export.

| file in app/src/main/kotlin/org/zooexport/app | does |
|---|---|
| PhotoInput.kt | a photo as the model's input, exactly as at the export |
| ModelFile.kt | what the app knows about the model |
| Runner.kt | LiteRT's CompiledModel, and its Interpreter for types that CompiledModel lacks |
| Classifier.kt | the likeliest classes of a photo |
| MainActivity.kt | the screen: photo picker and CameraX |

The first four are what an app of your own needs. `sha256sum -c SHA256SUMS` checks that everything was copied.

{licence}
"""
