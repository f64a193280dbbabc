// Signatures of https://developer.android.com/reference/androidx/activity/ComponentActivity
package androidx.activity

import android.content.Context
import android.os.Bundle
import android.view.View
import androidx.activity.result.ActivityResultLauncher
import androidx.activity.result.contract.ActivityResultContract
import androidx.lifecycle.LifecycleOwner

open class ComponentActivity : Context(), LifecycleOwner {
    var title: CharSequence = ""

    protected open fun onCreate(savedInstanceState: Bundle?) {}

    protected open fun onDestroy() {}

    fun setContentView(layout: Int) {}

    fun <T : View> findViewById(id: Int): T = TODO()

    fun runOnUiThread(action: Runnable) {}

    fun <I, O> registerForActivityResult(
        contract: ActivityResultContract<I, O>,
        callback: androidx.activity.result.ActivityResultCallback<O>,
    ): ActivityResultLauncher<I> = TODO()
}
