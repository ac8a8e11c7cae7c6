// What the app adds to its own build file: LiteRT, and a model that is mapped instead of unpacked.
android { androidResources { noCompress += "tflite" } }
dependencies { implementation("com.google.ai.edge.litert:litert:1.4.0") }
