import KnocknocAccess
import NIOCore
import Synchronization

/// The bodies of lists that were sent lately, by the hash of their content, so that they are not copied every time.
final class AllowListBodies: Sendable {
    private static let most = 64
    private let bodies = Mutex<[String: ByteBuffer]>([:])

    func body(of form: AllowListDocument.Form) -> ByteBuffer {
        bodies.withLock { bodies in
            if let body = bodies[form.tag] { return body }
            let body = ByteBuffer(bytes: form.bytes)
            if bodies.count >= Self.most { bodies = [:] }
            bodies[form.tag] = body
            return body
        }
    }
}
