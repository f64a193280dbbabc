package org.zooexport.app

import android.Manifest
import android.graphics.Bitmap
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.core.Preview
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import java.util.concurrent.Executors

/** Classifies a photo of the user's, or what the camera sees. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor() // the only thread that touches the classifier
    private lateinit var classifier: Classifier

    private val pickPhoto = registerForActivityResult(ActivityResultContracts.PickVisualMedia()) { uri ->
        if (uri != null) show(uri)
    }
    private val askForCamera = registerForActivityResult(ActivityResultContracts.RequestPermission()) { isGranted ->
        if (isGranted) startCamera()
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_main)
        title = ModelFile.TITLE
        worker.execute { classifier = Classifier.create(this) }
        findViewById<Button>(R.id.choose_photo).setOnClickListener {
            pickPhoto.launch(PickVisualMediaRequest(ActivityResultContracts.PickVisualMedia.ImageOnly))
        }
        findViewById<Button>(R.id.use_camera).setOnClickListener { askForCamera.launch(Manifest.permission.CAMERA) }
    }

    override fun onDestroy() {
        super.onDestroy()
        worker.execute { if (::classifier.isInitialized) classifier.close() }
        worker.shutdown()
    }

    private fun show(uri: Uri) = whenCameraIsReady { camera ->
        camera.unbindAll()
        worker.execute {
            val source = ImageDecoder.createSource(contentResolver, uri)
            val photo = ImageDecoder.decodeBitmap(source) { decoder, _, _ ->
                decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE // its pixels are read
            }
            runOnUiThread {
                findViewById<ImageView>(R.id.photo).apply {
                    setImageBitmap(photo)
                    visibility = View.VISIBLE
                }
            }
            classify(photo)
        }
    }

    private fun startCamera() = whenCameraIsReady { camera ->
        findViewById<ImageView>(R.id.photo).visibility = View.GONE
        val preview = Preview.Builder().build()
        preview.setSurfaceProvider(findViewById<PreviewView>(R.id.preview).surfaceProvider)
        val analysis = ImageAnalysis.Builder()
            .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
            .setOutputImageRotationEnabled(true)
            .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
            .build()
        analysis.setAnalyzer(worker) { frame: ImageProxy -> frame.use { classify(it.toBitmap()) } }
        camera.unbindAll()
        camera.bindToLifecycle(this, CameraSelector.DEFAULT_BACK_CAMERA, preview, analysis)
    }

    private fun whenCameraIsReady(action: (ProcessCameraProvider) -> Unit) {
        val future = ProcessCameraProvider.getInstance(this)
        future.addListener({ action(future.get()) }, mainExecutor)
    }

    /** Runs on the worker's thread. */
    private fun classify(photo: Bitmap) {
        val lines = classifier.classify(photo).map { "%.1f %%  %s".format(100 * it.probability, it.name) }
        runOnUiThread { findViewById<TextView>(R.id.guesses).text = lines.joinToString("\n") }
    }
}
