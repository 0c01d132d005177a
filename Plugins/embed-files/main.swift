import Foundation

// usage: embed-files OUTPUT FOLDER...
// Writes one Swift file: `enum EmbeddedFiles { static let all: [String: String] }`, keyed "folder-name/file-name".

let arguments = Array(CommandLine.arguments.dropFirst())
guard let output = arguments.first else { exit(2) }

/// A Swift raw string literal with enough number signs that `text` cannot end it.
func literal(_ text: String) -> String {
    var fence = "#"
    while text.contains("\"\"\"" + fence) || text.contains("\\" + fence) { fence += "#" }
    return fence + "\"\"\"\n" + text + "\n\"\"\"" + fence
}

var source = "enum EmbeddedFiles {\n    static let all: [String: String] = [\n"
var count = 0
for folder in arguments.dropFirst() {
    let base = URL(fileURLWithPath: folder)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where !name.hasPrefix(".") {
        let text = try String(contentsOf: base.appending(path: name), encoding: .utf8)
        source += "\"\(base.lastPathComponent)/\(name)\":\n\(literal(text)),\n"
        count += 1
    }
}
source += (count == 0 ? ":" : "") + "    ]\n}\n"
try source.write(toFile: output, atomically: true, encoding: .utf8)
