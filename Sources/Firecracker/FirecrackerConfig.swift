import OCI
import Plan

/// Firecracker's `--config-file` (its API's specification, firecracker.yaml): a pure function of what the VM is made of.
public struct FirecrackerConfig: Encodable, Equatable, Sendable {
    struct BootSource: Encodable, Equatable, Sendable {
        var kernel_image_path: String
        var initrd_path: String
        var boot_args: String
    }
    struct Drive: Encodable, Equatable, Sendable {
        var drive_id: String
        var path_on_host: String
        var is_root_device = false
        var is_read_only: Bool
        /// Sync: io_uring is closed by the engines' seccomp profiles.
        var io_engine = "Sync"
    }
    struct MachineConfig: Encodable, Equatable, Sendable {
        var vcpu_count: Int
        var mem_size_mib: Int
    }
    struct NetworkInterface: Encodable, Equatable, Sendable {
        var iface_id: String
        var guest_mac: String
        var host_dev_name: String
    }
    struct Vsock: Encodable, Equatable, Sendable {
        var guest_cid = 3
        var uds_path: String
    }
    struct Entropy: Encodable, Equatable, Sendable {}

    enum CodingKeys: String, CodingKey {
        case bootSource = "boot-source"
        case drives
        case machineConfig = "machine-config"
        case networkInterfaces = "network-interfaces"
        case vsock
        case entropy
    }

    var bootSource: BootSource
    var drives: [Drive]
    var machineConfig: MachineConfig
    var networkInterfaces: [NetworkInterface]
    var vsock: Vsock
    var entropy = Entropy()

    /// The files of one VM, as the VMM sees them.
    public struct Files: Equatable, Sendable {
        public var kernel: String
        public var initrd: String
        /// Read-only file systems, the topmost first.
        public var layers: [String]
        public var disk: String
        public var guest: String
        public var vsock: String

        public init(kernel: String, initrd: String, layers: [String], disk: String, guest: String, vsock: String) {
            self.kernel = kernel
            self.initrd = initrd
            self.layers = layers
            self.disk = disk
            self.guest = guest
            self.vsock = vsock
        }

        /// guest-init finds guest.json on the second drive, whatever else there is.
        var drives: [Drive] {
            let disk = Drive(drive_id: "disk", path_on_host: disk, is_read_only: false)
            let guest = Drive(drive_id: "guest", path_on_host: guest, is_read_only: true)
            let layers = layers.enumerated().map { index, path in
                Drive(drive_id: "layer\(index)", path_on_host: path, is_read_only: true)
            }
            return [disk, guest] + layers
        }

        /// The same drives by the names that the guest's kernel gives them.
        public func root(readonly: Bool) -> GuestRoot {
            let letters = Array("cdefghijklmnopqrstuvwxyz")
            return GuestRoot(
                layers: layers.indices.map { "/dev/vd\(letters[$0])" }, disk: "/dev/vda", readonly: readonly)
        }
    }

    public init(files: Files, size: MachineSize, nics: [NIC]) {
        bootSource = BootSource(
            kernel_image_path: files.kernel, initrd_path: files.initrd, boot_args: Self.bootArguments)
        drives = files.drives
        machineConfig = MachineConfig(vcpu_count: size.vcpus, mem_size_mib: size.memory)
        networkInterfaces = zip(nics, DerivedMAC.devices(of: nics)).map { nic, mac in
            NetworkInterface(iface_id: nic.name, guest_mac: mac.description, host_dev_name: nic.tap)
        }
        vsock = Vsock(uds_path: files.vsock)
    }

    /// The kernel's parameters (Documentation/admin-guide/kernel-parameters.txt). reboot=k: Firecracker ends when the
    /// guest resets itself by the keyboard controller. The i8042 settings save probing what is not there.
    static let bootArguments = """
        console=ttyS0 quiet loglevel=4 reboot=k panic=-1 random.trust_cpu=on 8250.nr_uarts=1 i8042.noaux i8042.nomux \
        i8042.dumbkbd
        """
}
