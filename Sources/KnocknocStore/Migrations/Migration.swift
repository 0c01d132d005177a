import KnocknocRelease

/// One numbered file of `Migrations/`.
public struct Migration: Hashable, Sendable {
    public var version: Int
    /// The file's name without number and ending, such as `initial`.
    public var name: String
    public var sql: String
    /// True for a file `…_contract.sql`: it takes away what older releases use and is applied by `--finish` only.
    public var isContracting: Bool
    /// The oldest release that can use the schema afterwards, from the line `-- readable-from: N`.
    public var readableFrom: Int?

    /// - Parameter file: `NNNN_name.sql`.
    /// - Throws: ``StoreError`` `configuration` where name or header cannot be read.
    public init(file: String, sql: String) throws(StoreError) {
        let parts = file.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, let version = Int(parts[0]), version > 0, parts[1].hasSuffix(".sql") else {
            throw StoreError(.configuration, "migration \(file): expected a name such as 0001_initial.sql")
        }
        self.version = version
        name = String(parts[1].dropLast(4))
        self.sql = sql
        isContracting = name.hasSuffix("_contract")
        readableFrom = nil
        for line in sql.split(separator: "\n") where line.hasPrefix("-- readable-from:") {
            let number = line.drop { $0 != ":" }.dropFirst().filter { $0 != " " && $0 != "\r" }
            guard let number = Int(number) else {
                throw StoreError(.configuration, "migration \(file): expected a number in \"\(line)\"")
            }
            readableFrom = number
        }
    }

    /// The migrations compiled into this release, in order.
    ///
    /// - Throws: ``StoreError`` `configuration` where two files have one number.
    public static func embedded(for engine: Engine) throws(StoreError) -> [Migration] {
        var migrations: [Migration] = []
        for (path, sql) in EmbeddedFiles.all.merging(Release.furtherMigrations, uniquingKeysWith: { $1 })
        where path.hasPrefix(engine.rawValue + "/") {
            migrations.append(try Migration(file: String(path.dropFirst(engine.rawValue.count + 1)), sql: sql))
        }
        migrations.sort { $0.version < $1.version }
        for (one, next) in zip(migrations, migrations.dropFirst()) where one.version == next.version {
            throw StoreError(.configuration, "migrations \(one.name) and \(next.name) share number \(one.version)")
        }
        return migrations
    }
}
