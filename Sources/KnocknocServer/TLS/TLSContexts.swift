import NIOSSL
import Synchronization

/// The certificate in use; a reload changes it for the connections that come after.
final class TLSContexts: Sendable {
    private let context: Mutex<NIOSSLContext>

    /// - Throws: NIOSSL's error where a file cannot be read or key and certificate do not fit.
    init(_ files: CertificateFiles) throws { context = Mutex(try Self.make(files)) }

    var current: NIOSSLContext { context.withLock { $0 } }

    func reload(_ files: CertificateFiles) throws {
        let new = try Self.make(files)
        context.withLock { $0 = new }
    }

    private static func make(_ files: CertificateFiles) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}

/// Where certificate chain and key stand, in PEM.
struct CertificateFiles: Hashable, Sendable {
    var certificate: String
    var key: String
}
