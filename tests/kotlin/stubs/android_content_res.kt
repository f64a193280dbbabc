// Signatures of https://developer.android.com/reference/android/content/res/AssetManager
package android.content.res

import java.io.Closeable
import java.io.FileDescriptor
import java.io.InputStream

class AssetFileDescriptor : Closeable {
    val fileDescriptor: FileDescriptor get() = TODO()
    val startOffset: Long get() = TODO()
    val declaredLength: Long get() = TODO()

    override fun close() = TODO()
}

class AssetManager {
    fun list(path: String): Array<String>? = TODO()

    fun open(fileName: String): InputStream = TODO()

    fun openFd(fileName: String): AssetFileDescriptor = TODO()
}
