// Signatures of https://developer.android.com/reference/android/content/Context
package android.content

import android.content.res.AssetManager
import java.util.concurrent.Executor

abstract class ContentResolver

abstract class Context {
    val assets: AssetManager get() = TODO()
    val contentResolver: ContentResolver get() = TODO()
    val mainExecutor: Executor get() = TODO()
}
