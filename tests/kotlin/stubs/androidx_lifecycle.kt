// Signatures of https://developer.android.com/reference/androidx/lifecycle/LifecycleOwner
package androidx.lifecycle

interface LifecycleOwner
