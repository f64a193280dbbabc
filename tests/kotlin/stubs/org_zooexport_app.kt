// What Android's build makes of the resources in app/src/main/res.
package org.zooexport.app

object R {
    object layout {
        const val activity_main = 1
    }

    object id {
        const val preview = 1
        const val photo = 2
        const val guesses = 3
        const val choose_photo = 4
        const val use_camera = 5
    }
}
