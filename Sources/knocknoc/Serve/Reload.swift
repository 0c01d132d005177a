import KnocknocLogging
import KnocknocModel
import KnocknocServer
import Logging
import ServiceLifecycle
import UnixSignals

/// SIGHUP: reads the settings again and takes over what may change while we run.
struct Reload: Service {
    let options: ServeOptions
    let server: Server
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                let settings = try options.settings()
                try server.reload(settings)
                LogfmtHandler.setLevel(settings.logLevel)
                logger.notice(
                    """
                    reloaded: TrustedForwarders, LogLevel and the certificate's files are as given now; a new DatabaseURL \
                    or ListenURL is in use once it has been tried
                    """)
            } catch {
                logger.error("not reloaded, everything stays as it was: \(error)")
            }
        }
    }
}
