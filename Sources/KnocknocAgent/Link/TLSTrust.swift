import Crypto
import NIOCore
import NIOSSL

/// Whom a link is given to: the system's roots, a given authority, or pinned certificates.
struct TLSTrust: Sendable {
    private let context: NIOSSLContext
    private let fingerprints: [[UInt8]]

    /// - Throws: ``AgentError`` naming the CA file that cannot be read.
    init(caFile: String?, fingerprints: [[UInt8]]) throws(AgentError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        self.fingerprints = fingerprints
        // The very certificate proves more than a name in it would.
        if !fingerprints.isEmpty { configuration.certificateVerification = .noHostnameVerification }
        do {
            if let caFile, fingerprints.isEmpty {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(caFile))
            }
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw AgentError(
                .configuration,
                "TLSCAFile: \(caFile ?? "the system's roots") cannot be used: \(error); "
                    + "expected certificates in PEM")
        }
    }

    func handler(host: String) throws -> NIOSSLClientHandler {
        // Server Name Indication carries names only (RFC 6066 §3); without it the peer's address is verified.
        let name = ServerURL.isAddress(host) ? nil : host
        guard !fingerprints.isEmpty else { return try NIOSSLClientHandler(context: context, serverHostname: name) }
        return try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
            guard let leaf = certificates.first, let bytes = try? leaf.toDERBytes() else {
                promise.succeed(.failed)
                return
            }
            promise.succeed(Self.isPinned(SHA256.hash(data: bytes), fingerprints) ? .certificateVerified : .failed)
        }
    }

    /// Looks at all of them, each in the same time whatever it is.
    private static func isPinned(_ digest: SHA256Digest, _ fingerprints: [[UInt8]]) -> Bool {
        fingerprints.reduce(into: false) { isPinned, fingerprint in
            let isThis = digest == fingerprint
            isPinned = isPinned || isThis
        }
    }

    /// A sentence for a handshake that failed, with what the operator can do.
    func explain(_ error: any Error) -> String? {
        guard error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError else { return nil }
        let text = "\(error)"
        if !fingerprints.isEmpty, text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("certificateVerify") {
            return "the server's certificate is none that TLSFingerprint names"
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the server's certificate is not trusted: it is self-signed, expired or of an unknown authority; "
                + "set TLSCAFile or TLSFingerprint, or install its authority on this machine"
        }
        if error is NIOSSLExtraError { return "the server's certificate does not fit: \(text)" }
        return "TLS failed: \(Self.reason(error))"
    }

    /// What the library says, without the places in its sources that it adds.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case NIOSSLError.handshakeFailed(let cause), NIOSSLError.shutdownFailed(let cause): return reason(cause)
        case BoringSSLError.sslError(let stack), BoringSSLError.unknownError(let stack),
            BoringSSLError.invalidSNIName(let stack), BoringSSLError.failedToSetALPN(let stack):
            let reasons = stack.map { item in
                // "Error: NUMBER error:HEX:LIBRARY:FUNCTION:REASON at FILE:LINE"
                let text = "\(item)"
                guard let place = text.firstRange(of: " at /") else {
                    // "Error:  WORDS" where the library itself says it.
                    return String((text.split(separator: ":").last ?? text[...]).drop { $0 == " " })
                }
                let said = text[..<place.lowerBound]
                return said.split(separator: ":").last.map { $0.replacing("_", with: " ").lowercased() } ?? String(said)
            }
            return reasons.isEmpty ? "the server ended it" : reasons.joined(separator: "; ")
        default: return "\(error)"
        }
    }
}
