"""The must-show panel: what an analyst sees whatever the drafter chose to say."""
