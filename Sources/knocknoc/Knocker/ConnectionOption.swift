import ArgumentParser
import KnocknocStore

/// `--conn`, the database that a command is about.
enum ConnectionOption {
    /// - Throws: `ValidationError` where no database can be meant.
    static func check(_ url: String?) throws {
        guard let url else { return }
        do throws(StoreError) {
            _ = try DatabaseURL(url, setting: "--conn").places(setting: "--conn")
        } catch { throw ValidationError(error.message) }
    }
}
