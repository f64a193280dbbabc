// Signatures of https://developer.android.com/reference/android/graphics/package-summary
package android.graphics

import android.content.ContentResolver
import android.net.Uri
import java.io.InputStream

class Bitmap(val width: Int, val height: Int, private val pixels: IntArray) {
    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        for (row in 0 until height) for (column in 0 until width) {
            pixels[offset + row * stride + column] = this.pixels[(y + row) * this.width + x + column]
        }
    }
}

object BitmapFactory {
    @JvmStatic fun decodeStream(stream: InputStream): Bitmap = TODO()
}

class ImageDecoder {
    var allocator: Int = 0

    class Source

    class ImageInfo

    fun interface OnHeaderDecodedListener {
        fun onHeaderDecoded(decoder: ImageDecoder, info: ImageInfo, source: Source)
    }

    companion object {
        const val ALLOCATOR_SOFTWARE = 1

        @JvmStatic fun createSource(resolver: ContentResolver, uri: Uri): Source = TODO()

        @JvmStatic fun decodeBitmap(source: Source, listener: OnHeaderDecodedListener): Bitmap = TODO()
    }
}
