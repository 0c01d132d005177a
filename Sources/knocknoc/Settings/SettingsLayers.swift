import Configuration
import FoundationEssentials
import Glibc
import KnocknocModel
import KnocknocServer
import KnocknocSystem
import KnocknocToolkit

/// Puts flags over the environment over the file.
enum SettingsLayers {
    /// - Parameter config: the file that was named, or `none`; else the standard one, where it exists.
    /// - Throws: ``ConfigurationError`` naming every place that is wrong; ``SystemError`` `notAllowed` where the file may not
    ///   be read.
    static func read(config: String?, flags: [(SettingKey, String?)]) throws -> ServerSettings {
        var settings = Settings()
        for case (let key, let text?) in flags { settings[key] = .init(text, place: key.flag) }
        let given = settings.over(environment())
        let isNamed = given[ServerSettings.Key.databaseURL] != nil || given[ServerSettings.Key.dataDir] != nil
        return try ServerSettings(
            settings: given.over(try file(config, isNeeded: !isNamed)).over(try credential()), hostName: hostName(),
            workingDirectory: FileManager.default.currentDirectoryPath)
    }

    private static func environment() -> Settings {
        let reader = ConfigReader(provider: EnvironmentVariablesProvider())
        var settings = Settings()
        for key in ServerSettings.Key.all {
            guard let text = reader.string(forKey: ConfigKey(["knocknoc"] + key.words)) else { continue }
            let name = key.environmentName(prefix: ServerSettings.environmentPrefix)
            settings[key] = .init(text, place: "environment \(name)")
        }
        settings.refuseUnknown(
            variables: ProcessInfo.processInfo.environment.keys, prefix: ServerSettings.environmentPrefix,
            keys: ServerSettings.Key.all, isForeign: ServerSettings.isForeign)
        return settings
    }

    /// - Parameter isNeeded: whether only the file can say which database is meant.
    private static func file(_ config: String?, isNeeded: Bool) throws -> Settings {
        if config == "none" { return Settings() }
        let path = config ?? ServerSettings.standardFile
        if config == nil, access(path, F_OK) != 0 {
            // Its folder is for root and the server's group: whether it is there is not for everybody to see.
            guard errno == EACCES, isNeeded else { return Settings() }
            throw unreadable(path, EACCES)
        }
        guard access(path, R_OK) == 0, let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw unreadable(path, errno)
        }
        return Settings(reading: String(decoding: data, as: UTF8.self), name: path, keys: ServerSettings.Key.all)
    }

    private static func unreadable(_ path: String, _ code: Int32) -> any Error {
        let reason = String(cString: strerror(code))
        guard code == EACCES || code == EPERM else {
            return ConfigurationError([.init(place: path, message: "cannot be read: \(reason)")])
        }
        let remedy = geteuid() == 0 ? "" : "; run this with sudo"
        return SystemError(.notAllowed, "\(path) cannot be read by this user (\(reason))\(remedy)")
    }

    /// The encryption key as systemd hands it over (LoadCredential=), the weakest layer.
    private static func credential() throws -> Settings {
        var settings = Settings()
        guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else { return settings }
        let path = "\(folder)/\(InstallLayout.credential)"
        guard access(path, F_OK) == 0 else { return settings }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw ConfigurationError([
                .init(place: path, message: "cannot be read: \(String(cString: strerror(errno)))")
            ])
        }
        if let key = EncryptionKey.line(of: String(decoding: data, as: UTF8.self)) {
            settings[ServerSettings.Key.encryptionKey] = .init(key, place: path)
        }
        return settings
    }

    static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
