import Foundation

/// The packages of the release after the one under test: the same files, and beside each executable what makes a debug
/// build that release (docs/decisions/0010).
public enum FollowingRelease {
    public static let version = "0.2.0"
    /// The newest additive migration of it, and the contracting one after that; of the release under test: one less.
    public static let schema = Schema(of: release)

    public struct Schema: Sendable {
        /// What the release under test has.
        public let before: Int
        public let additive: Int
        public let contracted: Int

        init(of before: Int) {
            self.before = before
            additive = before + 1
            contracted = before + 2
        }
    }

    /// The migrations of the checkout, which are what is compiled into the release under test.
    private static let release: Int = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Migrations/postgres")
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.compactMap { Int($0.prefix(4)) }.max() ?? 0
    }()

    /// The paths of both packages on every machine, by name; made when they are first asked for.
    public static func packages() async throws -> [String: String] { try await made.value }

    private static let made = Task {
        var result: [String: String] = [:]
        for (name, text) in [("knocknoc", server), ("knocknoc-agent", agent)] {
            guard let file = Packages.file(name) else { throw LabError(Packages.obstacle) }
            let made = "following/\(name)_\(version)_amd64.deb"
            let script = """
                work=$(mktemp -d)
                trap 'rm -rf "$work"' EXIT
                dpkg-deb -R "$FOLDER/$FILE" "$work/tree"
                cat >"$work/tree/opt/$NAME/bin/$NAME.following"
                sed -i "s/^Version: .*/Version: $VERSION/" "$work/tree/DEBIAN/control"
                mkdir -p "$FOLDER/following"
                dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/tree" "$work/made.deb" >/dev/null
                mv "$work/made.deb" "$FOLDER/$MADE"
                """
            try await Shell.check(
                ["bash", "-euo", "pipefail", "-c", script], input: text,
                environment: [
                    "FOLDER": Packages.folder.path, "FILE": file, "NAME": name, "VERSION": version, "MADE": made,
                ])
            result[name] = "/run/knocknoc-packages/" + made
        }
        return result
    }

    private static let agent = "\(version) 2\n"

    /// One migration that adds to the busiest table, as older nodes go on with it, and one that takes away.
    private static var server: String {
        func number(_ version: Int) -> String { String(("000" + String(version)).suffix(4)) }
        return """
            \(agent)== postgres/\(number(schema.additive))_following.sql
            -- readable-from: 1
            alter table grants add column following_note text collate "C" not null default '';
            create table following_things (id bigint primary key);
            == postgres/\(number(schema.contracted))_following_contract.sql
            -- readable-from: \(schema.additive)
            alter table grants drop column following_note;

            """
    }
}
