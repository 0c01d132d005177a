import KnocknocHAProxy
import KnocknocSystem

extension HAProxyText {
    /// What the part was made from; nil where there is none.
    func plan() throws(SystemError) -> LoadBalancerPlan? {
        guard let record else { return nil }
        return try LoadBalancerPlan(record: record.lines, first: record.first, path: path)
    }
}
