// Signatures of https://github.com/google-ai-edge/LiteRT/tree/main/litert/kotlin/src/main/kotlin/com/google/ai/edge/litert:
// Common.kt, Environment.kt, Model.kt, TensorBuffer.kt
package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { CPU, GPU, NPU }

abstract class JniHandle : AutoCloseable {
    override fun close() {}
}

class Environment : JniHandle()

class TensorBuffer : JniHandle() {
    fun writeFloat(data: FloatArray) {}

    fun writeInt8(data: ByteArray) {}

    fun readFloat(): FloatArray = TODO()

    fun readInt8(): ByteArray = TODO()
}

class CompiledModel : JniHandle() {
    class Options(vararg accelerators: Accelerator) {
        companion object {
            @JvmStatic val CPU = Options(Accelerator.CPU)
        }
    }

    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()

    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()

    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0) {}

    companion object {
        fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel = TODO()
    }
}
