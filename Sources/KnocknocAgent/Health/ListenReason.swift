import Glibc
import NIOCore

extension AgentConfiguration.Listen {
    /// Why nothing can listen there, in the system's own words.
    func refusal(_ error: any Error) -> String {
        let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        return "cannot listen on \(host):\(port): \(reason)"
    }
}
