import Foundation
import Lab
import Testing

extension PackagesSuite {
    @Suite("made again") struct ReproducibleTests {
        /// The checkout that these tests were built from.
        private static let checkout = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

        /// Where the toolchain is.
        private static let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"

        @Test("from the same executables they are the same, byte for byte; with --long, from nothing, too")
        func packaged() async throws {
            let folder = try Lab.temporaryFolder("again")
            defer { try? FileManager.default.removeItem(at: folder) }
            try await Shell.check(
                [
                    "bash", "-c", "umask 077; exec \"$1/dev\" deb --from debug --output \"$2\"", "-", Self.checkout,
                    folder.path,
                ],
                environment: ["TZ": "Asia/Kathmandu", "LC_ALL": "C", "TMPDIR": folder.path, "PATH": Self.path])
            for name in ["knocknoc", "knocknoc-agent"] {
                let file = try PackageFile(name)
                let again = folder.appendingPathComponent(URL(fileURLWithPath: file.path).lastPathComponent)
                try await Shell.check(["cmp", file.path, again.path])
            }
        }

        @Test("two builds of a release that share nothing but sources, place and toolchain", .onlyLong)
        func releasesAreAlike() async throws {
            let releases = try await Self.releases.value
            #expect(releases[0] == releases[1])
            #expect(Set(releases[0].keys) == ["knocknoc", "knocknoc-agent"])
        }

        /// The sums of both packages, of each of two builds that share nothing but sources, place and toolchain.
        private static let releases = Task {
            let folder = try Lab.temporaryFolder("release")
            defer { try? FileManager.default.removeItem(at: folder) }
            try await Shell.check(
                ["bash", "-euo", "pipefail", "-c", script, "-", checkout, folder.path], environment: ["PATH": path])
            return try ["first", "second"].map { build in
                let text = try String(contentsOfFile: folder.path + "/" + build, encoding: .utf8)
                return Dictionary(
                    uniqueKeysWithValues: text.split(separator: "\n").map { line in
                        let words = line.split(separator: " ").map(String.init)
                        return (String(words[1].prefix { $0 != "_" }), words[0])
                    })
            }
        }

        private static let script = #"""
            cd "$1"
            SOURCE_DATE_EPOCH=$(git -c safe.directory="$PWD" log -1 --format=%ct)
            export SOURCE_DATE_EPOCH
            mkdir -p "$2/tree/.build"
            tar -c --exclude=./.build --exclude=./.git . | tar -x -C "$2/tree"
            cp -a .build/checkouts .build/repositories .build/artifacts .build/workspace-state.json "$2/tree/.build/"
            for build in first second; do
                rm -rf "$2"/tree/.build/*-linux-gnu "$2/tree/.build/release" "$2/tree/.build/deb"
                "$2/tree/dev" deb
                # What makes a debug build the release after it does nothing to a release.
                for name in knocknoc knocknoc-agent; do
                    echo "9.9.9 9" >"$2/tree/.build/release/$name.following"
                    [[ $("$2/tree/.build/release/$name" version) != *9.9.9* ]]
                    rm "$2/tree/.build/release/$name.following"
                done
                (cd "$2/tree/.build/deb" && sha256sum *.deb) >"$2/$build"
            done
            """#
    }
}
