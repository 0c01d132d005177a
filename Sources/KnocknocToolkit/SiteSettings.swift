import KnocknocModel
import KnocknocStore
import KnocknocSystem

/// What the toolkit needs of a server's configuration file; it is not for the toolkit to judge the rest.
struct SiteSettings: Sendable {
    var database: DatabaseURL
    /// The site's key, where the file has it; else it lies in a file of its own.
    var encryptionKey: String?

    /// - Parameter url: beats the file's, where given.
    /// - Throws: ``SystemError`` `invalid` with what to give instead, `notAllowed` where the file may not be read.
    init(file path: String, url: String?) throws {
        let text = try SystemFile(path).text()
        let lines = text.map { ConfigurationFile.read($0, name: path).file.lines } ?? []
        func value(_ key: String) -> String? {
            lines.first { $0.key == key }.flatMap { $0.value.isEmpty ? nil : $0.value }
        }
        encryptionKey = value("EncryptionKey")
        if let url {
            database = try DatabaseURL(url, setting: "--conn")
        } else if let found = value("DatabaseURL") {
            database = try DatabaseURL(found, setting: "\(path): DatabaseURL")
        } else if text != nil, let folder = value("DataDir") {
            database = try DatabaseURL("sqlite://\(folder)/knocknoc.db", setting: "\(path): DataDir")
        } else {
            let reason = text == nil ? "there is no \(path)" : "\(path) has no DatabaseURL"
            throw SystemError(
                .invalid, "\(reason): name the database with --conn postgres://…, or the file with --config")
        }
    }
}
