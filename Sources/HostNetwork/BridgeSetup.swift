import Netlink
import Plan

/// bridge-alias and bridge-restore: a bridge joins each tap to the container's interface, in the calling thread's namespace.
///
/// The guest takes the interface's MAC and addresses over; the interface gets a MAC of its own, the bridge the alias.
public enum BridgeSetup {
    public static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// What is there already as wanted is kept, and recorded the same. A failure undoes what this call did.
    /// `path`: where programs are found, as in PATH. `warn` hears what works less well than the user may expect.
    public static func create(
        _ plan: NetworkPlan, path: String = defaultPath, warn: (String) -> Void = { _ in }
    ) throws -> [BridgeRecord] {
        try SupportedModel.check(plan)
        let wanted = try plan.nics.enumerated().filter { $1.attach.model == .bridge }.map { try BridgedNIC($1, at: $0) }
        if wanted.isEmpty { return [] }
        let netlink = try NetlinkSocket()
        let wayOut = try WayOut(plan, warn: warn)
        let gatewayMAC = try wayOut?.findGateway(netlink)
        return try Journal.run { journal in
            var records = try wanted.map { try $0.create(netlink, journal) }
            if let wayOut, let index = wanted.firstIndex(where: { $0.bridge == wayOut.bridge }) {
                records[index].wayOut = try wayOut.create(
                    gatewayMAC: gatewayMAC, path: path, netlink, journal, warn: warn)
            }
            return records
        }
    }

    /// Gives the interfaces back what the plan says they had. May run twice, and on whatever is left of the namespace;
    /// every step runs, and all errors come together.
    public static func restore(_ plan: NetworkPlan, path: String = defaultPath) throws {
        let made = plan.nics.enumerated().filter { $1.attach.model == .bridge }
        if made.isEmpty { return }
        let netlink = try NetlinkSocket()
        var errors = ErrorCollector()
        errors.run { try WayOut(plan)?.delete(path: path, netlink) }
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
