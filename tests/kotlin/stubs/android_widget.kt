// Signatures of https://developer.android.com/reference/android/widget/package-summary
package android.widget

import android.graphics.Bitmap
import android.view.View

open class TextView : View() {
    var text: CharSequence = ""
}

class Button : TextView()

class ImageView : View() {
    fun setImageBitmap(bitmap: Bitmap?) {}
}
