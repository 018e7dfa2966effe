import Netlink
import Plan

/// bridge-alias and bridge-restore: a bridge joins each tap to the container's interface, in the calling thread's namespace.
///
/// The guest takes the interface's MAC and addresses over; the interface gets a MAC of its own, the bridge the alias.
public enum BridgeSetup {
    /// What is there already as wanted is kept, and recorded the same. A failure undoes what this call did.
    public static func create(_ plan: NetworkPlan) throws -> [BridgeRecord] {
        try SupportedModel.check(plan)
        let wanted = try plan.nics.enumerated().map { try BridgedNIC($1, at: $0) }
        if wanted.isEmpty { return [] }
        let netlink = try NetlinkSocket()
        return try Journal.run { journal in try wanted.map { try $0.create(netlink, journal) } }
    }

    /// Gives the interfaces back what the plan says they had. May run twice, and on whatever is left of the namespace;
    /// every step runs, and all errors come together.
    public static func restore(_ plan: NetworkPlan) throws {
        let made = plan.nics.enumerated().filter { $1.attach.model == .bridge }
        if made.isEmpty { return }
        let netlink = try NetlinkSocket()
        var errors = ErrorCollector()
        for (index, nic) in made.reversed() {
            do {
                try BridgedNIC(nic, at: index).restore(netlink, &errors)
            } catch {
                errors.add(error)
            }
        }
        try errors.finish()
    }
}
