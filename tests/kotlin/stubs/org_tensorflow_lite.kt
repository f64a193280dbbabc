// Signatures of https://ai.google.dev/edge/api/tflite/java/org/tensorflow/lite/Interpreter
package org.tensorflow.lite

import java.nio.ByteBuffer

class Interpreter(model: ByteBuffer, options: Options) : AutoCloseable {
    class Options {
        fun setNumThreads(threads: Int): Options = this
    }

    fun run(input: Any, output: Any) {}

    override fun close() {}
}
