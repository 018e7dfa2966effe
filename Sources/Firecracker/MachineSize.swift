import OCI
import Plan

/// How many vCPUs and how much memory a VM gets: the container's limits, or what its variables say.
public struct MachineSize: Equatable, Sendable {
    public var vcpus: Int
    /// Guest RAM in MiB.
    public var memory: Int

    public init(vcpus: Int, memory: Int) {
        self.vcpus = vcpus
        self.memory = memory
    }

    /// The VMM and fc-boot are charged to the container's memory limit too: in MiB, what they need beside guest RAM.
    static let overhead = 48
    /// Below it the kernel finds no room to unpack the initramfs, and the VM dies as it boots.
    static let smallest = 128
    static let defaultMemory = 512
    /// Firecracker's own limit.
    static let mostCPUs = 32
    /// Beyond any kernel's (CONFIG_NR_CPUS).
    private static let mostListedCPUs = 1 << 20

    /// `hostCPUs` is the number that this machine has online.
    public init(resources: OCIResources?, request: ContainerRequest, hostCPUs: Int) throws {
        vcpus = try Self.vcpus(resources?.cpu, request.setting("RUNCVM_CPUS"), hostCPUs: hostCPUs)
        memory = try Self.memory(resources?.memory?.limit, request.setting("RUNCVM_MEM_SIZE"))
    }

    private static func vcpus(_ cpu: OCIResources.CPU?, _ setting: String?, hostCPUs: Int) throws -> Int {
        if let setting {
            guard let count = Int(setting), (1...mostCPUs).contains(count) else {
                throw Failure(.usage, "RUNCVM_CPUS=\(setting): not a number of CPUs (1 to \(mostCPUs))")
            }
            return count
        }
        var count = hostCPUs
        if let cpus = cpu?.cpus, let listed = countCPUs(cpus) { count = min(count, listed) }
        if let quota = cpu?.quota, quota > 0, let period = cpu?.period, period > 0 {
            count = min(count, Int(clamping: (UInt64(quota) - 1) / period) + 1)
        }
        return min(max(count, 1), mostCPUs)
    }

    /// The length of a list as in `0-2,5` (cpuset(7), list format); nil if it is none.
    static func countCPUs(_ list: String) -> Int? {
        var count = 0
        for range in list.split(separator: ",") {
            let ends = range.split(separator: "-").map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, last >= first,
                last < mostListedCPUs, count < mostListedCPUs
            else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    private static func memory(_ limit: Int64?, _ setting: String?) throws -> Int {
        if let setting {
            guard let size = parse(setting), size >= smallest else {
                throw Failure(
                    .usage, "RUNCVM_MEM_SIZE=\(setting): not a size of at least \(smallest)M, like 512M or 2G")
            }
            return size
        }
        // Engines write "no limit" as absent, 0, -1 or a number beyond all memory.
        guard let limit, limit > 0, limit < 1 << 50 else { return defaultMemory }
        let size = Int(limit >> 20) - overhead
        guard size >= smallest else {
            throw Failure(
                .usage,
                "memory limit \(limit >> 20)m: a VM needs at least \(smallest + overhead)m; raise -m or leave it out")
        }
        return size
    }

    /// `512M`, `2G`, `2048` (MiB), with or without a B or iB at the end.
    public static func parse(_ text: String) -> Int? {
        let digits = text.prefix { $0 >= "0" && $0 <= "9" }
        guard let number = Int(digits), number < 1 << 30 else { return nil }
        switch text.dropFirst(digits.count).lowercased() {
        case "", "m", "mb", "mib": return number
        case "g", "gb", "gib": return number * 1024
        case "k", "kb", "kib": return number / 1024
        default: return nil
        }
    }
}
