// Signatures of https://developer.android.com/reference/androidx/test/ext/junit/runners/AndroidJUnit4
package androidx.test.ext.junit.runners

class AndroidJUnit4 : org.junit.runner.Runner()
