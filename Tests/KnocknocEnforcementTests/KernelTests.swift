import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// What really passes, in network namespaces of its own. One after the other: the figures are about time.
@Suite(
    "in the kernel", .serialized, .timeLimit(.minutes(1)), .enabled(if: TestNetwork.available, TestNetwork.skipped))
struct KernelTests {}

extension TestNetwork {
    func enforcer(_ options: NFTablesOptions = NFTablesOptions()) throws -> NFTablesEnforcer {
        var options = options
        options.networkNamespacePath = path(.gateway)
        return try NFTablesEnforcer(options)
    }

    func connects(_ host: Host, to address: IPAddress? = nil, port: UInt16 = 9000) throws -> Bool {
        guard let caller = try Caller(self, host, to: address ?? self.address(.gateway), port: port) else {
            return false
        }
        caller.stop()
        return true
    }
}
