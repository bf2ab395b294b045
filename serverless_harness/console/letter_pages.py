"""Dead letters: with reason and payload, and sent again."""

from dataclasses import dataclass

from werkzeug import Request

from serverless_harness.console.source import MAX_READ, Source, known
from serverless_harness.console.view import View
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.resilience.dead_letters import DeadLetter, DeadLetterQueues, dead_letters_of
from serverless_harness.resilience.letter_queues import LetterQueue

MAX_LETTERS = 200


@dataclass(frozen=True)
class LetterPages:
    """The page of dead letters, and what is done there."""

    source: Source

    def page(self, _request: Request) -> View:
        """Show all letters, without receiving them."""
        values = {"letters": known(self._letters), "max_letters": MAX_LETTERS}
        return View("dead_letters", values, "Dead letters")

    def _letters(self) -> list[tuple[LetterQueue, DeadLetter]]:
        target = self.source.local
        return self._queues().seen(target, MAX_READ)

    def _queues(self) -> DeadLetterQueues:
        """Give the queues as the project knows them; where it isn't deployed, those that there are."""
        deployed = Deployment.find(self.source.target)
        return dead_letters_of(deployed) if deployed else DeadLetterQueues(self.source.deployment)

    def redrive(self, request: Request) -> str:
        """Send the chosen letters to their destinations again."""
        wanted = self._chosen(request)
        sent, left = self._queues().redrive(lambda letter: letter.letter_id in wanted)
        if left or not sent:
            why = "their message or destination is missing" if left else "they are no longer there"
            raise UserError(f"{len(sent)} sent again; {len(wanted) - len(sent)} not, because {why}")
        return f"{len(sent)} sent again."

    def purge(self, request: Request) -> str:
        """Delete the chosen letters permanently."""
        wanted = self._chosen(request)
        gone = self._queues().purge(lambda letter: letter.letter_id in wanted)
        return f"{len(gone)} deleted."

    def _chosen(self, request: Request) -> set[str]:
        chosen = set(request.form.getlist("letter"))
        if not chosen:
            raise UserError("choose at least one dead letter")
        return chosen
