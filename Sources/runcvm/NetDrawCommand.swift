import ArgumentParser
import Plan

struct NetDrawCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, svg, dot }

    static let configuration = CommandConfiguration(
        commandName: "net-draw",
        abstract: "Draw a document's network: the path of each interface from the network to the guest.",
        discussion: """
            Takes the document of any verb of the pipe; what is planned and not made yet is dashed.

              runcvm net-plan --netns /run/netns/web | runcvm net-draw
              runcvm net-draw --format svg < /run/runcvm/ID/state.json > network.svg
              runcvm net-plan --facts report.json |
                runcvm net-draw --format dot | dot -Tpng > network.png
            """)

    @Option(help: "As what.")
    var format = Format.text

    func run() throws {
        let drawing = try NetworkDrawing(try DocumentPipe.read(verb: "net-draw"))
        let text =
            switch format {
            case .text: TextDrawing(drawing).text
            case .svg: SVGDrawing(drawing).text
            case .dot: DOTDrawing(drawing: drawing).text
            }
        try DocumentPipe.writeText([UInt8](text.utf8))
    }
}
