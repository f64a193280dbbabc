// Signatures of https://developer.android.com/reference/androidx/activity/result/contract/ActivityResultContracts
package androidx.activity.result.contract

import android.net.Uri
import androidx.activity.result.PickVisualMediaRequest

abstract class ActivityResultContract<I, O>

class ActivityResultContracts private constructor() {
    open class PickVisualMedia : ActivityResultContract<PickVisualMediaRequest, Uri?>() {
        sealed interface VisualMediaType

        object ImageOnly : VisualMediaType
    }

    class RequestPermission : ActivityResultContract<String, Boolean>()
}
