import Testing

@testable import Firecracker

@Suite("an overlay in mountinfo")
struct OverlayMountTests {
    @Test("Docker's overlay2: layers in order, its own placeholders apart")
    func docker() throws {
        let text = """
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            310 22 0:60 / /var/lib/docker/overlay2/aa/merged rw,relatime shared:1 - overlay overlay \
            rw,lowerdir=/l/INIT:/l/TOP:/l/BASE,upperdir=/var/lib/docker/overlay2/aa/diff,workdir=/var/lib/docker/overlay2/aa/work

            """
        let mount = try #require(OverlayMount(at: "/var/lib/docker/overlay2/aa/merged", mountinfo: text))
        #expect(mount.lower == ["/l/INIT", "/l/TOP", "/l/BASE"])
        #expect(mount.upper == "/var/lib/docker/overlay2/aa/diff")
        let resolved = OverlayMount(lower: ["/o/aa-init/diff", "/o/top/diff"], upper: nil)
        #expect(resolved.image == ["/o/top/diff"])
    }

    @Test("a layer's own option each, spaces and colons in names")
    func newer() throws {
        let text = #"9 1 0:9 / /a\040b rw - overlay none ro,lowerdir+=/x\040y,lowerdir+=/z\134:w"# + "\n"
        let mount = try #require(OverlayMount(at: "/a b", mountinfo: text))
        #expect(mount.lower == ["/x y", "/z:w"])
        #expect(mount.upper == nil)
    }

    @Test("another file system, another place, a broken line: none")
    func none() {
        #expect(OverlayMount(at: "/", mountinfo: "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n") == nil)
        #expect(OverlayMount(at: "/x", mountinfo: "") == nil)
        #expect(OverlayMount(at: "/x", mountinfo: "1 2 3 / /x rw -\n1 2 3 / /x rw - overlay\n") == nil)
    }
}
