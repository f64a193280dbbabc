// Signatures of https://junit.org/junit4/javadoc/latest/
package org.junit

annotation class Test

object Assert {
    @JvmStatic fun assertArrayEquals(expected: ByteArray, actual: ByteArray) {}

    @JvmStatic fun assertArrayEquals(message: String, expected: ByteArray, actual: ByteArray) {}

    @JvmStatic fun assertTrue(message: String, condition: Boolean) {}
}

object Assume {
    @JvmStatic fun assumeTrue(condition: Boolean) {}
}
