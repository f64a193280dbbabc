package org.zooexport.app

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import java.io.Closeable
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/** Runs the model: stored numbers in, stored numbers out. */
interface Runner : Closeable {
    fun run(input: ByteBuffer): ByteBuffer

    companion object {
        /** LiteRT's CompiledModel where it takes the model's types of numbers, else its interpreter. */
        fun create(context: Context): Runner =
            if (ModelFile.RUNS_COMPILED) CompiledRunner(context) else InterpreterRunner(context)
    }
}

/** LiteRT's CompiledModel. Accelerator.GPU or NPU in place of CPU computes with other roundings: check it again. */
class CompiledRunner(context: Context, accelerator: Accelerator = Accelerator.CPU) : Runner {
    private val model = CompiledModel.create(context.assets, ModelFile.NAME, CompiledModel.Options(accelerator))
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    override fun run(input: ByteBuffer): ByteBuffer {
        if (ModelFile.HAS_FLOAT_INPUT) {
            inputs[0].writeFloat(FloatArray(input.remaining() / Float.SIZE_BYTES).also { input.asFloatBuffer().get(it) })
        } else {
            inputs[0].writeInt8(ByteArray(input.remaining()).also { input.get(it) })
        }
        model.run(inputs, outputs)
        val output = empty()
        if (ModelFile.HAS_FLOAT_OUTPUT) {
            output.asFloatBuffer().put(outputs[0].readFloat())
        } else {
            output.put(outputs[0].readInt8()).rewind()
        }
        return output
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }
}

/** LiteRT's interpreter, with the kernels of XNNPACK, which it uses by default. */
class InterpreterRunner(context: Context) : Runner {
    private val interpreter = Interpreter(mapped(context), Interpreter.Options().setNumThreads(THREADS))

    override fun run(input: ByteBuffer): ByteBuffer {
        val output = empty()
        interpreter.run(input, output)
        output.rewind()
        return output
    }

    override fun close() = interpreter.close()

    private fun mapped(context: Context): ByteBuffer = context.assets.openFd(ModelFile.NAME).use { file ->
        FileInputStream(file.fileDescriptor).use {
            it.channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
        }
    }

    private companion object {
        const val THREADS = 2
    }
}

private fun empty(): ByteBuffer = ByteBuffer.allocateDirect(ModelFile.OUTPUT_BYTES).order(ByteOrder.nativeOrder())
