// Signatures of https://developer.android.com/reference/androidx/camera/lifecycle/ProcessCameraProvider
package androidx.camera.lifecycle

import android.content.Context
import androidx.camera.core.Camera
import androidx.camera.core.CameraSelector
import androidx.camera.core.UseCase
import androidx.lifecycle.LifecycleOwner
import com.google.common.util.concurrent.ListenableFuture

class ProcessCameraProvider {
    fun bindToLifecycle(owner: LifecycleOwner, selector: CameraSelector, vararg cases: UseCase?): Camera = TODO()

    fun unbindAll() {}

    companion object {
        @JvmStatic fun getInstance(context: Context): ListenableFuture<ProcessCameraProvider> = TODO()
    }
}
