/// A page of the administration that only says what came of something, as `answer.mustache` reads it.
struct AnswerPage {
    var frame: Frame
    var heading: Heading
}
