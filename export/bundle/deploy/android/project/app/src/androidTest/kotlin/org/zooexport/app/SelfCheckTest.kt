package org.zooexport.app

import android.content.Context
import android.graphics.BitmapFactory
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Test
import org.junit.runner.RunWith

/** The model computes on this device what it computed at the export, on the golden inputs of the export. */
@RunWith(AndroidJUnit4::class)
class SelfCheckTest {
    private val app: Context = InstrumentationRegistry.getInstrumentation().targetContext
    private val golden: Context = InstrumentationRegistry.getInstrumentation().context // the assets of this test

    @Test
    fun interpreterGivesTheOutputsOfTheExport() = InterpreterRunner(app).use(::check)

    @Test
    fun compiledModelGivesTheOutputsOfTheExport() {
        assumeTrue(ModelFile.RUNS_COMPILED)
        CompiledRunner(app).use(::check)
    }

    @Test
    fun photoBecomesTheInputOfTheExport() {
        assumeTrue(PHOTO in golden.assets.list("").orEmpty())
        val photo = golden.assets.open(PHOTO).use(BitmapFactory::decodeStream)
        assertArrayEquals(bytes("input0.bin"), bytes(PhotoInput.of(photo)))
    }

    private fun check(runner: Runner) {
        val found = List(ModelFile.GOLDEN_SAMPLES) { bytes(runner.run(direct(bytes("input$it.bin")))) }
        val differ = found.distinctBy { it.toList() }.size > 1
        assertTrue("the outputs are the same for every input", differ || !ModelFile.OUTPUTS_DIFFER)
        for ((sample, output) in found.withIndex()) {
            val expected = bytes("output$sample.bin")
            if (ModelFile.IS_EXACT) {
                assertArrayEquals("sample $sample", expected, output)
            } else {
                assertNear("sample $sample", ModelFile.scores(direct(expected)), ModelFile.scores(direct(output)))
            }
        }
    }

    private fun assertNear(what: String, expected: DoubleArray, found: DoubleArray) {
        val largest = expected.maxOf { abs(it) }
        for (index in expected.indices) {
            val error = abs(expected[index] - found[index])
            assertTrue("$what, output $index: off by $error", error <= ModelFile.TOLERANCE * largest)
        }
    }

    private fun bytes(name: String): ByteArray = golden.assets.open(name).use { it.readBytes() }

    private fun bytes(buffer: ByteBuffer): ByteArray = ByteArray(buffer.remaining()).also { buffer.get(it) }

    private fun direct(bytes: ByteArray): ByteBuffer {
        val buffer = ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder())
        buffer.put(bytes).rewind()
        return buffer
    }

    private companion object {
        const val PHOTO = "golden_photo.png"
    }
}
