// Signatures of https://junit.org/junit4/javadoc/latest/
package org.junit.runner

import kotlin.reflect.KClass

abstract class Runner

annotation class RunWith(val value: KClass<out Runner>)
