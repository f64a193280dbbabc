// Signatures of https://developer.android.com/reference/android/view/View
package android.view

open class View {
    var visibility: Int = 0

    fun interface OnClickListener {
        fun onClick(view: View)
    }

    fun setOnClickListener(listener: OnClickListener?) {}

    companion object {
        const val VISIBLE = 0
        const val GONE = 8
    }
}
