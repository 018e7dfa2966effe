import Firecracker
import HostNetwork
import Linux
import Netlink
import Plan

/// net-plan in host mode: VMs share the host's namespace, so each choice of a tap, a /30 and ports must be its own.
///
/// Between the plan and the tap lie two more programs, so no lock could span them. Instead the saved document is the
/// reservation: under the lock net-plan reads the documents of all other containers, plans around them and around what
/// the host has, and saves its own where state-save would. It ends with the container's folder, as everything does.
enum HostModePlan {
    static func reserve(_ facts: Facts, _ container: ContainerReference) throws -> VMState {
        var container = container
        // The host's namespace is the one that hooks run in; a path by the pid would end with the container.
        container.netns = nil
        container.netnsInode = nil
        let directory = try RunDirectory(id: container.id)
        return try HostModeLock.hold(in: RunDirectory.base) {
            var facts = facts
            facts.host = try HostFacts.live(forHostModeOn: ProcessEnvironment.path)
            facts.links = []  // They are the host's, and stand in its facts.
            facts.host.reserved = try others(than: container.id)
            facts.host.kept = try plan(of: directory).map(HostReservation.init)
            let state = try VMState(container: container, network: try Planner.plan(facts))
            if DryRun.current == nil { try directory.save(state) }
            return state
        }
    }

    private static func others(than id: String) throws -> [HostReservation] {
        try RunDirectory.all().filter { $0.id != id }.compactMap { try plan(of: $0).map(HostReservation.init) }
    }

    /// nil where there is no document yet, or it is of another mode. It is written through a temporary name, so what is
    /// there is whole; a folder may go while we look.
    private static func plan(of directory: RunDirectory) throws -> HostPlan? {
        do {
            return try VMState(parsing: try Files.read(directory.state), subject: directory.state).network().host
        } catch let error as SystemError where error.errno == .noEntry {
            return nil
        }
    }
}
