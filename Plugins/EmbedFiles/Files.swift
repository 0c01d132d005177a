import Foundation

/// The regular files directly inside a folder, in name order.
func files(in folder: URL) -> [URL] {
    let found = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    return (found ?? []).filter { !$0.lastPathComponent.hasPrefix(".") }.sorted { $0.path() < $1.path() }
}
