// Signatures of android.graphics, from https://developer.android.com/reference/android/graphics/Bitmap
package android.graphics

class Bitmap(val width: Int, val height: Int, private val pixels: IntArray) {
    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        for (row in 0 until height) for (column in 0 until width) {
            pixels[offset + row * stride + column] = this.pixels[(y + row) * this.width + x + column]
        }
    }
}
