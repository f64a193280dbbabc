// Signatures of https://developer.android.com/reference/androidx/camera/core/package-summary
package androidx.camera.core

import android.graphics.Bitmap
import java.util.concurrent.Executor

abstract class UseCase

interface Camera

class CameraSelector {
    companion object {
        @JvmField val DEFAULT_BACK_CAMERA = CameraSelector()
    }
}

class Preview : UseCase() {
    interface SurfaceProvider

    fun setSurfaceProvider(provider: SurfaceProvider?) {}

    class Builder {
        fun build(): Preview = TODO()
    }
}

interface ImageProxy : AutoCloseable {
    fun toBitmap(): Bitmap

    override fun close()
}

class ImageAnalysis : UseCase() {
    fun interface Analyzer {
        fun analyze(image: ImageProxy)
    }

    fun setAnalyzer(executor: Executor, analyzer: Analyzer) {}

    class Builder {
        fun setOutputImageFormat(format: Int): Builder = TODO()

        fun setOutputImageRotationEnabled(isEnabled: Boolean): Builder = TODO()

        fun setBackpressureStrategy(strategy: Int): Builder = TODO()

        fun build(): ImageAnalysis = TODO()
    }

    companion object {
        const val OUTPUT_IMAGE_FORMAT_RGBA_8888 = 2
        const val STRATEGY_KEEP_ONLY_LATEST = 0
    }
}
