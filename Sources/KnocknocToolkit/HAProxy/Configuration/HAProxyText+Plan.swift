import KnocknocHAProxy
import KnocknocSystem

extension HAProxyText {
    init(_ bytes: [UInt8], path: String) throws(SystemError) {
        try self.init(bytes, path: path, marks: HAProxyLayout.marks)
    }

    /// What the part was made from; nil where there is none.
    func plan() throws(SystemError) -> LoadBalancerPlan? {
        guard let record else { return nil }
        return try LoadBalancerPlan(record: record.lines, first: record.first, path: path)
    }
}
