/// Names for things whose makers have no better one in mind: easy to say and to tell apart, such as `brave-otter`.
public enum FriendlyName {
    public static func make(using generator: inout some RandomNumberGenerator) -> String {
        let (one, two) = (adjectives.randomElement(using: &generator), animals.randomElement(using: &generator))
        return "\(one ?? "plain")-\(two ?? "hare")"
    }

    private static let adjectives = words(
        """
        able agile amber ample apt azure bold brave bright brisk calm clear clever cosy crisp deft eager early fair \
        famous fine firm fleet fond free fresh gentle glad golden good grand great green happy hardy honest jolly keen \
        kind lively loyal lucky lunar merry mild modest neat nimble noble patient polite proud quick quiet ready rosy \
        royal rural silent silver smart snug solar solid spry steady still stout sunny swift tidy true vivid warm wary \
        wise witty young
        """)
    private static let animals = words(
        """
        badger beaver bison bittern bobcat bream buck caribou cat chamois cod condor crane cricket curlew deer dingo \
        dove duck dunlin eagle eel egret eider elk ermine falcon ferret finch fox gannet gecko gibbon goose grouse gull \
        hare hawk heron hound ibex ibis jackdaw jay kestrel kite koala lark lemur leopard linnet lynx magpie marlin \
        marten mole moose newt ocelot osprey otter owl panda perch pike plover puffin quail rabbit raven robin salmon \
        seal stoat stork swan swift tapir teal tern thrush tiger trout turtle vole walrus weasel whale wolf wren
        """)

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
