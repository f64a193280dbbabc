package org.zooexport.app

import android.content.Context
import android.graphics.Bitmap
import java.io.Closeable
import kotlin.math.exp

/** A class of the model, with its probability. */
data class Guess(val name: String, val probability: Double)

/** The model with the names of its classes; used by one thread at a time. */
class Classifier(private val runner: Runner, private val names: List<String>) : Closeable {

    /** The likeliest classes of a photo, whose pixels must be in memory, not on the GPU. */
    fun classify(photo: Bitmap, count: Int = 5): List<Guess> {
        val probabilities = probabilities(ModelFile.scores(runner.run(PhotoInput.of(photo))))
        return probabilities.indices.sortedByDescending { probabilities[it] }.take(count).map { index ->
            Guess(names.getOrElse(index) { "class $index" }, probabilities[index])
        }
    }

    override fun close() = runner.close()

    companion object {
        /** Loads the model from the app's assets. */
        fun create(context: Context): Classifier {
            val names = context.assets.list("").orEmpty()
            val labels = if (LABELS in names) context.assets.open(LABELS).bufferedReader().readLines() else emptyList()
            return Classifier(Runner.create(context), labels)
        }

        private const val LABELS = "labels.txt"

        /** Scores that are no probabilities become such by a softmax, as everywhere in zoo-export. */
        internal fun probabilities(scores: DoubleArray): DoubleArray {
            if (scores.min() >= -0.01 && scores.max() <= 1.01) return scores
            val largest = scores.max()
            val powers = DoubleArray(scores.size) { exp(scores[it] - largest) }
            val sum = powers.sum()
            return DoubleArray(scores.size) { powers[it] / sum }
        }
    }
}
