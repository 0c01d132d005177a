public import Foundation

/// The disk of a Debian host that is not switched on: commands run on it one at a time, without a systemd and without
/// a network, as while an image is made. What they write stays for the next one; what they leave running ends with them.
public struct Chroot: Sendable {
    private let image: HostImage
    private let folder: URL

    /// A new disk from the hosts' image, which is made first if it is not there yet.
    public init() async throws {
        image = try await HostImage.ready()
        folder = try Lab.temporaryFolder("chroot", readable: true)
        for part in ["upper", "overlay", "disk"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(part), withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o755])
        }
    }

    /// Runs a command to its end, whatever that is. ``Packages/folder`` is at `/run/knocknoc-packages`.
    public func attempt(
        _ command: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Shell.Result {
        try await Shell.run(
            [
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euo", "pipefail", "-c", Self.script,
                "chroot", image.folder, folder.path, Packages.folder.path,
            ] + command, input: input, environment: environment)
    }

    /// Runs lines of a shell that stops at the first that fails, and throws unless all succeeded.
    ///
    /// - Returns: what they said on standard output and on standard error.
    @discardableResult
    public func shell(_ lines: String, input: String = "") async throws -> String {
        let result = try await attempt(["bash", "-euo", "pipefail", "-c", lines], input: input)
        guard result.status == 0 else {
            throw LabError("\(lines)\nended with \(result.status): \(result.errors)\n\(result.text)")
        }
        return result.text + result.errors
    }

    /// The text of a file; nil where it is not there.
    public func read(_ path: String) async throws -> String? {
        let result = try await attempt(["cat", path])
        return result.status == 0 ? result.text : nil
    }

    /// Owner, group and mode, as in `root:knocknoc 640`; nil where nothing is there.
    public func attributes(_ path: String) async throws -> String? {
        let result = try await attempt(["stat", "-c", "%U:%G %a", path])
        return result.status == 0 ? result.text.trimmingCharacters(in: .newlines) : nil
    }

    /// Copies a file of this machine to the top of the disk.
    public func add(_ file: URL) throws {
        let copy = folder.appendingPathComponent("upper").appendingPathComponent(file.lastPathComponent)
        try FileManager.default.copyItem(at: file, to: copy)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: copy.path)
    }

    public func remove() { try? FileManager.default.removeItem(at: folder) }

    private static let script = #"""
        image=$1 folder=$2 packages=$3
        shift 3
        rm -rf "$folder"/overlay/*/incompat
        mount -t overlay -o "lowerdir=$image,upperdir=$folder/upper,workdir=$folder/overlay,volatile" lab "$folder/disk"
        mount -t proc proc "$folder/disk/proc"
        mount --rbind /dev "$folder/disk/dev"
        mkdir -p "$folder/disk/run/knocknoc-packages"
        if [[ -d $packages ]]; then mount --bind "$packages" "$folder/disk/run/knocknoc-packages"; fi
        exec chroot "$folder/disk" "$@"
        """#
}
